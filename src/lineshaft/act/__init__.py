"""The room act (under construction)."""
