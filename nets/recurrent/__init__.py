"""Recurrent units of LSTM-RPA, all series trained together."""
