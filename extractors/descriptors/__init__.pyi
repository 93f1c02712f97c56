from .clip_descriptors import ClipDescriptors as ClipDescriptors
from .extractor import DescriptorExtractor as DescriptorExtractor
