"""Load and run a bundle with numpy, onnxruntime and tokenizers only: nothing here may import torch."""

from limbeck.runtime.bundle import Bundle, Prediction, TensorBundle, load, load_tensors
from limbeck.runtime.encoder import Encoder

__all__ = ["Bundle", "Encoder", "Prediction", "TensorBundle", "load", "load_tensors"]
