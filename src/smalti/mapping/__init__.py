"""From a scene's file to its map's file: match it to the model's card, map it, keep finished strips."""
