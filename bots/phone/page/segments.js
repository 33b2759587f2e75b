// What a text costs as SMS, counted as bots.Segments does in Go: a test holds
// the two together.

const basic = new Set(
  "\n\r !\"#$%&'()*+,-./:;<=>?@_" +
  "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà" +
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
const extension = new Set("\f^{}\\[~]|€");

const septets = c => basic.has(c) ? 1 : extension.has(c) ? 2 : 0;
const units = c => c.length;

export function segments(text) {
  const characters = [...text];
  const gsm = characters.every(septets);
  const [cost, alone, part] = gsm ? [septets, 160, 153] : [units, 70, 67];

  let parts = 0, inPart = 0, used = 0;
  for (const c of characters) {
    const n = cost(c);
    used += n;
    inPart += n;
    if (parts === 0 || inPart > part) {
      parts++;
      inPart = n;
    }
  }
  return used <= alone
    ? { segments: Math.min(parts, 1), used, perSegment: alone, gsm }
    : { segments: parts, used, perSegment: part, gsm };
}
