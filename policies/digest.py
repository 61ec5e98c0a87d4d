"""Which weights these are."""

import hashlib

import torch
from torch import nn


def digest_of(model: nn.Module) -> str:
    """SHA-256 over names, shapes and values of the model's own parameters and buffers, adapters left out."""
    digest = hashlib.sha256()
    tensors = {k.replace(".base_layer.", "."): v for k, v in model.state_dict().items() if ".lora_" not in k}
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
