"""The language of formulas: its text, its functions, its axes, and how a formula becomes torch calls."""
