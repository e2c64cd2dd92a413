"""Checks of what files hold against what they declare: nothing is read wrong without a warning."""
