from .extractor import DescriptorExtractor as DescriptorExtractor
