"""Label maps: what the ids of an image mean, and what is measured, kept and shown of them."""
