"""What a checkpoint is: spec, registry, prompts, pooling, content, loading."""
