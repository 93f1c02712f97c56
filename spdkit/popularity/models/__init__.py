"""Models of popularity: estimators in the manner of scikit-learn, and how they are saved."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
