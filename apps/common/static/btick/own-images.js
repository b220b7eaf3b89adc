// Redoc ends its menu with a picture from another host. No page of BTick asks other hosts for
// anything, and the content security policy would report an error.
const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const setAttribute = Element.prototype.setAttribute;

function isOurs(url) {
  // A picture in the page itself has the origin "null".
  return [location.origin, "null"].includes(new URL(url, document.baseURI).origin);
}

Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(url) {
    if (isOurs(url)) source.set.call(this, url);
  },
});

HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(value)) setAttribute.call(this, name, value);
};
