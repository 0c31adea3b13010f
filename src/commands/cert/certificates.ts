// Makes certificates: a small CA, and what it signs. ECDSA with P-256, in the encoding of RFC 5280.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import * as asn1 from "@peculiar/asn1-x509";

/** Both in PEM. */
export interface MadePair {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Who signs. */
export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** A CA that may sign certificates of services, but no further CAs. */
export function makeAuthority(name: string, validity: Validity): MadePair {
  const { publicKey, privateKey } = newKey();
  const self = { name, key: privateKey, publicKey };
  const { keyCertSign, cRLSign } = asn1.KeyUsageFlags;
  const extensions = [
    extension(
      asn1.id_ce_basicConstraints,
      new asn1.BasicConstraints({ cA: true, pathLenConstraint: 0 }),
      true,
    ),
    extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(keyCertSign | cRLSign), true),
  ];
  return signed(name, { publicKey, privateKey }, self, validity, extensions);
}

/** For both sides of a connection. `names`: DNS names, IP addresses and URIs; at least one. */
export function makeCertificate(
  names: readonly string[],
  authority: Authority,
  validity: Validity,
): MadePair {
  const [first = ""] = names;
  const usage = new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature);
  const purposes = new asn1.ExtendedKeyUsage([asn1.id_kp_serverAuth, asn1.id_kp_clientAuth]);
  const alternatives = new asn1.SubjectAlternativeName(names.map(generalName));
  const extensions = [
    extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints({ cA: false }), true),
    extension(asn1.id_ce_keyUsage, usage, true),
    extension(asn1.id_ce_extKeyUsage, purposes),
    extension(asn1.id_ce_subjectAltName, alternatives),
  ];
  return signed(first, newKey(), authority, validity, extensions);
}

/** RFC 5280, ub-common-name. The names that count are in the subjectAltName. */
const maxCommonNameChars = 64;

const newKey = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });

const signature = () => new asn1.AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" }); // ecdsa-with-SHA256

function signed(
  subject: string,
  own: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  issuer: Authority,
  { notBefore, notAfter }: Validity,
  extensions: readonly asn1.Extension[],
): MadePair {
  const spki = own.publicKey.export({ type: "spki", format: "der" });
  const keyIds = [
    extension(asn1.id_ce_subjectKeyIdentifier, new asn1.SubjectKeyIdentifier(keyId(own.publicKey))),
    extension(
      asn1.id_ce_authorityKeyIdentifier,
      new asn1.AuthorityKeyIdentifier({
        keyIdentifier: new asn1.KeyIdentifier(keyId(issuer.publicKey)),
      }),
    ),
  ];
  const tbsCertificate = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: serialNumber(),
    signature: signature(),
    issuer: distinguishedName(issuer.name),
    validity: new asn1.Validity({ notBefore, notAfter }),
    subject: distinguishedName(subject),
    subjectPublicKeyInfo: AsnConvert.parse(spki, asn1.SubjectPublicKeyInfo),
    extensions: new asn1.Extensions([...extensions, ...keyIds]),
  });
  const toSign = Buffer.from(AsnConvert.serialize(tbsCertificate));
  const certificate = new asn1.Certificate({
    tbsCertificate,
    signatureAlgorithm: signature(),
    signatureValue: arrayBuffer(sign("sha256", toSign, issuer.key)),
  });
  const der = Buffer.from(AsnConvert.serialize(certificate)).toString("base64");
  const lines = (der.match(/.{1,64}/g) ?? []).join("\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: own.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extension(extnID: string, value: object, critical = false): asn1.Extension {
  const extnValue = new OctetString(AsnConvert.serialize(value));
  return new asn1.Extension({ extnID, critical, extnValue });
}

function distinguishedName(name: string): asn1.Name {
  const value = new asn1.AttributeValue({ utf8String: name.slice(0, maxCommonNameChars) });
  const commonName = new asn1.AttributeTypeAndValue({ type: "2.5.4.3", value });
  return new asn1.Name([new asn1.RelativeDistinguishedName([commonName])]);
}

function generalName(name: string): asn1.GeneralName {
  if (isIP(name) > 0) return new asn1.GeneralName({ iPAddress: name });
  if (name.includes("://")) return new asn1.GeneralName({ uniformResourceIdentifier: name });
  return new asn1.GeneralName({ dNSName: name });
}

/** Positive, and never the same twice (RFC 5280 section 4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return arrayBuffer(bytes);
}

/** The point of a public key of P-256, which ends its encoding. */
const pointBytes = 65;

/** Method 1 of RFC 5280 section 4.2.1.2, as OpenSSL does it. */
function keyId(key: KeyObject): ArrayBuffer {
  const point = key.export({ type: "spki", format: "der" }).subarray(-pointBytes);
  return arrayBuffer(createHash("sha1").update(point).digest());
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
