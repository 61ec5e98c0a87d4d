"""The language model that runs here: weights, constrained decoding, fine-tuning. The only torch under `dialogue`."""
