"""Load and run a bundle with numpy, onnxruntime and tokenizers only: nothing here may import torch."""

from limbeck.runtime.bundle import Bundle, load
from limbeck.runtime.decisions import Prediction
from limbeck.runtime.readers.text import TextForm, TextReader, Vocabulary

__all__ = ["Bundle", "Prediction", "TextForm", "TextReader", "Vocabulary", "load"]
