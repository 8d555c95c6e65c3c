"""The room detect (under construction)."""
