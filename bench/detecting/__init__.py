"""Public data and figures of the bench of detection; the tests of detection use the same."""
