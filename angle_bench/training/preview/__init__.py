"""From a recipe to a trained candidate, step by step."""
