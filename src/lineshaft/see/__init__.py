"""The room see (under construction)."""
