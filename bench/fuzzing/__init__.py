"""What bench/fuzz.py is made of: seeds, mutations, readers, and the process that runs them."""
