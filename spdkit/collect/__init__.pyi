from .errors import (
    Blocked as Blocked,
    CollectError as CollectError,
    CredentialsError as CredentialsError,
    RateLimited as RateLimited,
    Refused as Refused,
    Unanswered as Unanswered,
)
from .genius import GeniusCollector as GeniusCollector, LyricsReport as LyricsReport
from .retry import RetryPolicy as RetryPolicy
from .sources import Sources as Sources
from .spotify import CollectReport as CollectReport, SpotifyCollector as SpotifyCollector
