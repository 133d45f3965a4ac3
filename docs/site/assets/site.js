// Formulas are text until KaTeX has set them; one that it cannot set stays text and says so on the console.
for (const element of document.querySelectorAll(".formula")) {
  try {
    katex.render(element.dataset.tex, element, { displayMode: true, throwOnError: true, strict: "error" });
  } catch (error) {
    console.error(`${error.message} in ${element.dataset.tex}`);
  }
}
