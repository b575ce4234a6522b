"""Feature rows as models take them: frames, encoders, targets."""
