"""Series of photos with what is known of their order: what a ranker learns from and is scored on."""
