"""Published numbers of LSTM-RPA, as far as they could be read here, and the bars of this project.

Everything here is of the paper's own data: 49 artists, learned up to 31 July 2015, tested on 1 to
30 August. `OWN_DIGEST` tells that data from any other.
"""

from __future__ import annotations

OWN_DIGEST = "4d0ed76cc8679ec2ea97bfc450f937a60a146cafdd8b8cddcd15a5f8d97fcf40"
PERFECT = 5657.9
# Tables 3 and 5; F.
ROLLED = {("lstm", "single"): 4366.81}
DIRECT = {("lstm", "single"): 3863.12, ("gru", "single"): 3902.00}
# From the abstract: LSTM-RPA gains 16.74 % over BiLSTM and 18.52 % over RNN.
DERIVED = {("bilstm", "single"): 4366.81 / 1.1674, ("rnn", "single"): 4366.81 / 1.1852}
RIVALS = {"sma": 4221.99, "arima": 3945.53, "published": 4366.81}
# Per cent, from the abstract.
GAINS = {"lstm": 13.03, "bilstm": 16.74, "gru": 11.91, "rnn": 18.52}

# What F must be, as `benchmarks.common.measuring.meets` reads it, by entrant.
BARS = {
    "perfect": ("F of a perfect forecast", "5657.9"),
    "sma": ("SMA(16)", "4224 ± 2"),
    "arima": ("ARIMA, order by AICc", "3959 ± 60"),
    "published": ("LSTM-RPA as published, p = 2, s = 1", "4344 ± 25"),
    "lstm": ("LSTM as published, p = q = 30", "3792 ± 40"),
    "ours": ("our best", "≥ 4440 (goal ≥ 4490)"),
}
