"""Evidence of processors and graphics cards about the software that members run: never a premise."""
