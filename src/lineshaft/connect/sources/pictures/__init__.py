"""Pictures of cameras and stations that appear in a folder; on request an ONNX model says what is on them."""

from lineshaft.connect.sources.pictures.options import PicturesOptions
from lineshaft.connect.sources.pictures.pictures import PicturesSource

PLUGIN = PicturesSource

__all__ = ["PLUGIN", "PicturesOptions", "PicturesSource"]
