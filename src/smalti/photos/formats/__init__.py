"""What lies in the bytes of a photo, by format: headers and metadata without decoding, and decoders."""
