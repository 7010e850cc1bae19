"""Real mail clients against a real host."""
