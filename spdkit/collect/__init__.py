"""Collecting a corpus: tables of tracks from Spotify, lyrics from Genius.

Every answer is kept in a cache beside the result, so that a run that was rate-limited or killed
goes on where it stopped. Credentials come from the environment and are written nowhere.

Access and terms
----------------
Spotify closed audio features, audio analysis and 30 s previews to new applications on 2024-11-27;
in February 2026 applications in development mode lost popularity, followers, markets and reads in
batches as well. What an application may not read is found out once and said; its columns stay
empty. Spotify's terms forbid training models on its content, and Genius's terms restrict what may
be done with lyrics: whether and how you use either is your decision, and your responsibility.
Neither service is needed: labels, metadata and lyrics load from any table.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
