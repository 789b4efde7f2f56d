"""What a training is asked."""
