"""Update sites of Fiji's updater: the site that imagej-dl makes, and what a Fiji got from one."""
