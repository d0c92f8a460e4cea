"""Training from scratch: what is learned from (data), how (recipe), and the loop that does it."""
