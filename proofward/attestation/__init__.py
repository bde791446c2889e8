"""Evidence of processors and graphics cards about the software that a member runs: optional, never a premise."""
