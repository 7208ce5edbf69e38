"""File formats of photos: headers and metadata without decoding, and decoders."""
