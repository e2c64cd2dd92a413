"""Packages of BioImage.IO made of our models: :func:`.package.export`."""
