"""The whole chain run once, and its report: pictures of every step and the figures."""
