"""What a model learns and what its output becomes."""
