"""The helper modules of this folder can be imported by the tests in the folders below it."""
