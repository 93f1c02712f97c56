"""LSTM-RPA: the paper's tables, the choice of our best, and the speed of training."""
