"""What the status was, what it is, and what of it is not as wanted. Pure."""
