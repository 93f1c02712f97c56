from . import corpus as corpus
from . import daily_plays as daily_plays
from . import lyrics as lyrics
from . import metadata as metadata
from . import popularity as popularity
from . import sound as sound
