"""What runs in a browser; a package of its own, so that its demo node ends with it."""
