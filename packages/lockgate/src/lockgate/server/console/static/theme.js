// Before anything is drawn: the theme that was chosen on this machine, so that no page flashes in the other one.
(() => {
  try {
    const chosen = localStorage.getItem("lockgate-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch { /* nothing may be kept here: the system's theme it is */ }
})();
