"""The room compute (under construction)."""
