"""Where orders, lots and quality results come from: one file a kind of feed; each hands over checked entries."""
