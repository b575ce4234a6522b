"""Reports, plots and the terminal's summary, read from a published bundle or a backtest."""
