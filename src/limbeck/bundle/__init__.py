"""The deliverable: export, int8, parity, card."""

from limbeck.bundle.export import Parity, export_onnx, parity
from limbeck.bundle.write import Answer, Delivery, write_bundle

__all__ = ["Answer", "Delivery", "Parity", "export_onnx", "parity", "write_bundle"]
