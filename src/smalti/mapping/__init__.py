"""From a scene's file to its map's file: fit it to the model's card, map it, keep what is finished."""
