from . import (
    charts as charts,
    corpus as corpus,
    daily_plays as daily_plays,
    listeners as listeners,
    lyrics as lyrics,
    metadata as metadata,
    popularity as popularity,
    sound as sound,
)
