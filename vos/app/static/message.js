// What went wrong, in a line above everything until it is dismissed.

const place = document.getElementById("message");

export function complain(error) {
  place.querySelector("p").textContent = error.message ?? String(error);
  place.hidden = false;
}

export const hush = () => { place.hidden = true; };

// Makes a listener that says what went wrong in it.
export const tried = work => async (...given) => {
  try { return await work(...given); } catch (error) { complain(error); }
};

place.querySelector("button").addEventListener("click", hush);
