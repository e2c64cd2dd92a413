"""Tests of tracking; those in folders below import `lineages` and `simulated` from here."""
